export { TrackingError, type TrackingErrorCode } from './errors.ts';
export {
  checkTrackingSettings,
  isTracked,
  mergeTrackingSettings,
  type TrackingSettings,
  type WandbSettings,
} from './settings.ts';
export type { Surroundings } from './surroundings.ts';
export { readWandbAccount, type WandbAccount } from './wandb/account.ts';
