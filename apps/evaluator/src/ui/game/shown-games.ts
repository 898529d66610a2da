// What shows games: loaded when the first one is watched or played.

export { KeyDoorGame } from '../../play/key-door-game.tsx';
export { TextGame } from '../../play/text-game.tsx';
export { TicTacToeGame } from '../../play/tic-tac-toe-game.tsx';
export { EpisodePlayer } from '../../watch/episode-player.tsx';
