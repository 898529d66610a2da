// A server with the page, as a process that tests may kill: `npx node server-script.ts OPTIONS`. It tells its URL, and ends
// when it is asked to or its parent is gone.

import { serve } from '../../apps/server/src/index.ts';

const server = await serve(JSON.parse(process.argv[2]!));
process.on('disconnect', () => void server.close().then(() => process.exit()));
process.send!(server.url);
