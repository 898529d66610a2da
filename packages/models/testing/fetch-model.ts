// For tests: fetches a model of the Hub in a process of its own, and prints the requests for patience that it met.

import { openHubModel, parseReference, readHubSettings } from '../src/hub/index.ts';

const files = await openHubModel(parseReference(process.argv[2]!)!, await readHubSettings(process.env), {
  onEvent: (event) => console.log(JSON.stringify(event)),
});
const weights = await files.read('model.safetensors');
console.log(`${files.name} ${weights?.length}`);
