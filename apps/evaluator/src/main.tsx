// The page begins here.

import './no-eval.ts';
import { render } from 'preact';
import { App } from './app.tsx';
import { Engine } from './engine/client.ts';

const engine = new Engine();
// For the browser's console, where everything can be asked that the page asks.
Object.assign(globalThis, { ludic: engine });
render(<App engine={engine} />, document.getElementById('app')!);
