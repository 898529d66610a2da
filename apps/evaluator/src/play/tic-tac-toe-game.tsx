// Tic-Tac-Toe: the person moves, the policy answers.

import { useEffect, useState } from 'preact/hooks';
import type { PolicyChoice } from '../engine/protocol.ts';
import { Button } from '../ui/button.tsx';
import { Alert } from '../ui/form.tsx';
import { PlayableBoard } from '../ui/game/tic-tac-toe-board.tsx';
import { useWork } from '../ui/work.tsx';
import { Hints, useHints } from './hints.tsx';
import { gameStatus, type PlayedMove, personSide, policySide, type TwoPlayerGame } from './two-players.ts';
import './play.css';

const replyOf = (cell: number) => `<move>${cell + 1}</move>`;
const REPLIES = Array.from({ length: 9 }, (_, cell) => replyOf(cell));
const cellOf = (reply: string) => REPLIES.indexOf(reply);
const nameOf = (reply: string) => {
  const cell = cellOf(reply);
  return cell < 0 ? `“${reply}”` : `row ${Math.floor(cell / 3) + 1}, column ${(cell % 3) + 1}`;
};

/** The moves are the only state: the board is computed by playing them in the real environment. */
export function TicTacToeGame({
  game,
  policy,
  mark,
  seed,
  onNext,
}: Pick<TwoPlayerGame, 'game' | 'mark' | 'seed'> & { readonly policy: PolicyChoice; readonly onNext: () => void }) {
  const { work, run, stop } = useWork();
  const hints = useHints(policy, REPLIES);
  const [moves, setMoves] = useState<readonly PlayedMove[]>([]);
  const played: TwoPlayerGame = { game, mark, seed, moves };
  const { turn, state, outcome, refused } = gameStatus(played);

  const answer = async () => {
    const given = await run({ type: 'reply', position: policySide(played), policy });
    if (given) setMoves([...moves, { by: 'policy', reply: given.reply.text }]);
  };
  // Whenever it is its turn; also again after a reply that was refused.
  useEffect(() => {
    if (turn === 'policy') void answer();
  }, [moves.length]);
  // A game that is given up needs no answer.
  useEffect(() => stop, [stop]);

  const play = (cell: number) => {
    hints.clear();
    setMoves([...moves, { by: 'person', reply: replyOf(cell) }]);
  };
  const chances =
    hints.hinted && new Map(hints.hinted.replies.map((reply, i) => [cellOf(reply), hints.hinted!.chances[i]!]));
  const last = moves.at(-1);
  return (
    <section class="card table" aria-label="Your game">
      <PlayableBoard state={state} hints={chances} open={turn === 'person'} onPlay={play} />
      <div class="beside">
        <p class="turn" role="status">
          {last &&
            `${last.by === 'person' ? 'You' : policy.name}: ${nameOf(last.reply)}${refused ? ', which is not allowed' : ''}. `}
          {turn === 'person' && `Your turn, you are ${mark}.`}
          {turn === 'policy' && `${policy.name} ${refused ? 'is asked again' : 'thinks'}…`}
          {turn === 'over' && overText(outcome, policy.name)}
        </p>
        {work.state === 'failed' && turn === 'policy' && (
          <div class="work">
            <Button onClick={() => void answer()}>Ask again</Button>
            <Alert text={work.message} />
          </div>
        )}
        <Hints
          hints={hints}
          policy={policy}
          open={turn === 'person'}
          nameOf={nameOf}
          onAsk={() => void hints.ask(personSide(played))}
        />
        {turn === 'over' && (
          <div class="work">
            <Button onClick={onNext}>Play again</Button>
          </div>
        )}
        {moves.length > 0 && (
          <details class="log">
            <summary>Moves so far</summary>
            <ol>
              {moves.map(({ by, reply }, i) => (
                <li key={i}>
                  {by === 'person' ? 'You' : policy.name}: {nameOf(reply)}
                </li>
              ))}
            </ol>
          </details>
        )}
        <small>Also by keys: arrows and Enter on the board, or the digits 1 to 9.</small>
      </div>
    </section>
  );
}

/** The result from the person's side; `outcome` is the policy's. */
function overText(outcome: 'win' | 'draw' | 'loss' | undefined, name: string): string {
  switch (outcome) {
    case 'loss':
      return 'You win!';
    case 'win':
      return `${name} wins.`;
    case 'draw':
      return 'A draw.';
    case undefined:
      return `${name} found no legal move in all its replies: the game is over.`;
    default:
      return outcome satisfies never;
  }
}
