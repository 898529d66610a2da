// The page begins here.

import './no-eval.ts';
import { render } from 'preact';
import { App } from './app.tsx';
import { Engine } from './engine/client.ts';
import { loadOwnGames } from './own-games.ts';

/** Address of the games that the page's server adds, where it does. */
const games = document.querySelector<HTMLLinkElement>('link[rel=games]')?.href;
const engine = new Engine(games);
// For the browser's console, where everything can be asked that the page asks.
Object.assign(globalThis, { ludic: engine });
const draw = () => render(<App engine={engine} />, document.getElementById('app')!);
if (games)
  loadOwnGames(games)
    .catch(({ message }) => document.body.prepend(`The games of this server cannot be played: ${message}`))
    .then(draw);
else draw();
