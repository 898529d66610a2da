// For tests: fetches a model of the Hub in a process of its own, and prints its events.

import { openHubModel, parseReference, readHubSettings } from '../src/index.ts';

const files = await openHubModel(parseReference(process.argv[2]!)!, await readHubSettings(process.env), {
  onEvent: (event) => console.log(JSON.stringify(event)),
});
const weights = await files.read('model.safetensors');
console.log(`${files.name} ${weights?.length}`);
