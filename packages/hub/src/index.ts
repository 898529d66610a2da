export { type HubEvent, type HubOptions, lookAtHubModel, openHubModel } from './download.ts';
export { HubError, type HubErrorCode } from './errors.ts';
export { publishable } from './publishable.ts';
export { type HubReference, parseReference, referenceText } from './reference.ts';
export { type HubSettings, readHubSettings } from './settings.ts';
export { type Upload, type Uploaded, type UploadFile, uploadModel } from './upload.ts';
