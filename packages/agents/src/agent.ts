// What an agent is: a function of the user that talks to the policy through OpenAI's dialect and says what its work was
// worth. Nothing below its first line knows of Ludic.

/** What one rollout of an agent gets. */
export interface AgentContext<Task = unknown> {
  /** One of the tasks. All rollouts of a group get the same. */
  readonly task: Task;
  /** Address for clients of OpenAI, with `/v1`. It names this rollout. */
  readonly baseURL: string;
  /** Names this rollout as well, for clients whose address cannot be changed. */
  readonly apiKey: string;
  /** Names this rollout where it is spoken of. It opens nothing. */
  readonly rolloutId: string;
  /** Names the task and all that the agent draws about it: equal in a group. */
  readonly seed: number;
  /** Names what else is drawn: another one in each rollout of a group. */
  readonly dynamicsSeed: number;
  /** Aborted when nothing waits for the rollout any more. */
  readonly signal: AbortSignal;
}

/** What a rollout was worth. */
export interface AgentResult {
  /** Of the whole rollout; by default 0 where `turnRewards` are given. */
  readonly reward?: number;
  /** Of each reply of the policy, in the order in which they were asked for. `reward` is added to the last. */
  readonly turnRewards?: readonly number[];
  /** Whether the rollout was a success. Default: whether its rewards add up to more than 0.5. */
  readonly success?: boolean;
  /** What the agent measures itself, see `StepInfo.metrics`: curves `game_NAME`. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** An agent. A rollout in which it throws has failed: it is begun anew, and after the last attempt not trained on. */
export type Agent<Task = unknown> = (context: AgentContext<Task>) => Promise<number | AgentResult>;

/** An agent and its work, for `defineAgent`. */
export interface AgentSettings<Task = unknown> {
  /** Name in the registry of environments: lower case with underscores. */
  readonly id: string;
  readonly title?: string;
  readonly description?: string;
  /** Any values; each rollout gets one. */
  readonly tasks: readonly Task[];
  /** Tasks of evaluations, which training does not see. Default: `tasks`. */
  readonly evaluationTasks?: readonly Task[];
  readonly agent: Agent<Task>;
  /**
   * Name of a tag whose closing ends a reply, beside the model's own end tokens; it stays a part of the reply. nano ends its
   * replies with `</move>` and `</action>`. Default: `answer`.
   */
  readonly replyTag?: string;
  /** Replies of the policy after which a rollout is cut off. Default: 50. */
  readonly maxTurns?: number;
  /** How often a rollout is begun before it has failed. Default: 3. */
  readonly attempts?: number;
  /** See `EnvironmentDefinition.lockstep`. */
  readonly lockstep?: boolean;
  /** Replies in the place of the policy's, to find out how long prompts are before training. Default: an empty answer. */
  readonly exampleReplies?: readonly string[];
}
