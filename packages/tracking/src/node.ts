export { type DeliverOptions, type Delivery, deliver } from './node/deliver.ts';
export { type RunEnd, readTrackingSettings } from './node/files.ts';
export { RunTracker, type TrackerOptions, whyNotTracked } from './node/tracker.ts';
