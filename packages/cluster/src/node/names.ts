// Names on the NATS server. docs/cluster.md lists them with the rights that a worker needs.

/** Raised when messages change: a coordinator and a worker of different numbers do not work together. */
export const PROTOCOL = 1;

/** A work queue: a task leaves it once its answer is stored. */
export const TASKS = 'LUDIC_TASKS';
/** All workers share it, so that each task goes to one of them. */
export const WORKERS = 'workers';
/** What workers say; a message leaves it once the coordinator has heard it. */
export const ANSWERS = 'LUDIC_ANSWERS';
/** Of the object store: models, weights and samples by their SHA-256. */
export const BUCKET = 'ludic';

export const taskSubject = (run: string) => `ludic.tasks.${run}`;
export const answerSubject = (run: string) => `ludic.answers.${run}`;
export const coordinatorName = (run: string) => `run-${run}`;

/** Bytes of one message, with room for its head below the 1 MB that servers take by default. */
export const MESSAGE_BYTES = 512 * 1024;
