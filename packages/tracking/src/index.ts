export type { Clock } from './clock.ts';
export { TrackingError, type TrackingErrorCode } from './errors.ts';
export {
  isTracked,
  mergeTrackingSettings,
  type TrackingSettings,
  type WandbSettings,
} from './settings.ts';
