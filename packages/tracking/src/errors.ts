// What can go wrong while a run is told to others. None of it ever stops the run itself. No message holds a key.

export type TrackingErrorCode =
  | 'bad_setting'
  | 'not_tracked'
  | 'no_key'
  | 'bad_key'
  | 'refused'
  | 'unreachable'
  | 'bad_answer'
  | 'bad_folder';

export class TrackingError extends Error {
  readonly code: TrackingErrorCode;
  constructor(code: TrackingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrackingError';
    this.code = code;
  }
}
