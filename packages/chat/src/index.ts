// OpenAI's dialect of chat completions, without a server: requests to tasks for a model, its replies to answers and chunks.

export { type ChatAnswer, type ChoiceDelta, CompletionChunks, type CompletionHead, completion } from './answer.ts';
export { type ChatChoice, ChatReply, type ReplyOptions } from './reply.ts';
export { type ChatComplaint, type ChatCompletionRequest, chatComplaint, chatRequest } from './request.ts';
export { type ChatTask, chatTask } from './task.ts';
export type { VisiblePiece } from './visible-text.ts';
