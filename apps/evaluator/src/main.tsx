import { Engine } from './engine/client.ts';
Object.assign(globalThis, { ludic: new Engine() });
