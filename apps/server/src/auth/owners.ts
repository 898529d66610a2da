// Which password may see which jobs and models. With one password without a name all jobs and models are shared; with named
// passwords each name sees its own and admins see all. What belongs to another name is answered as not found.

import { modelName } from '@ludic/service/internal';
import { createMiddleware } from 'hono/factory';
import { noSuchJob } from '../jobs/job-view.ts';
import { noSuchModel } from '../models/model-source.ts';

interface OwnersOptions {
  /** There is one password, without a name. */
  readonly isShared: boolean;
  /** All names see all models, but only their own jobs. For servers whose models were trained elsewhere. */
  readonly sharesModels?: boolean;
  /** Names that see everything. */
  readonly admins: readonly string[];
  readonly jobOf: (id: string) => { readonly owner: string; readonly model_name: string };
  /** The owner of the last job that trained the model; undefined where no job did. */
  readonly ownerOfModel: (name: string) => string | undefined;
  /** Whether there is anything under that name. */
  readonly hasModel: (name: string) => boolean;
}

/** Models that are part of the program. */
const EVERYONES: ReadonlySet<string> = new Set(['nano']);
/** Where requests name models. */
const FIELDS = ['model_name', 'model_path', 'model'] as const;

export class Owners {
  readonly #options: OwnersOptions;
  readonly #admins: ReadonlySet<string>;

  constructor(options: OwnersOptions) {
    this.#options = options;
    this.#admins = new Set(options.admins);
  }

  seesAll(who: string): boolean {
    return this.#options.isShared || this.#admins.has(who);
  }

  /** @param name of a model of this server */
  seesModel(name: string, who: string): boolean {
    if (this.#options.sharesModels) return true;
    return this.seesAll(who) || EVERYONES.has(name) || this.#options.ownerOfModel(name) === who;
  }

  /**
   * Lets names pass that no model of this server has: they may be models of the Hub.
   * @throws ServiceError `not_found`
   */
  assertModel(path: string, who: string): void {
    const name = modelName(path);
    if (name !== undefined && this.#options.hasModel(name)) this.assertOwnModel(name, who);
  }

  /** @throws ServiceError `not_found` where the name may not see the model */
  assertOwnModel(name: string, who: string): void {
    if (!this.seesModel(name, who)) throw noSuchModel(name);
  }

  /** @throws ServiceError `not_found` */
  assertJob(id: string, who: string): void {
    if (!this.seesAll(who) && this.#options.jobOf(id).owner !== who) throw noSuchJob();
  }

  /** A resumed job opens its model again, whose name may belong to another owner by now. @throws ServiceError `not_found` */
  assertResumable(id: string, who: string): void {
    this.assertJob(id, who);
    this.assertModel(this.#options.jobOf(id).model_name, this.#options.jobOf(id).owner);
  }
}

/** For an endpoint behind the password, after its body was read: refuses what belongs to another. */
export const requireOwner = (owners: Owners, path: string) =>
  createMiddleware<{ Variables: { who: string; body: unknown } }>(async (context, next) => {
    const who = context.get('who');
    const params = context.req.param() as Readonly<Record<string, string | undefined>>;
    const id = params.id ?? params.model ?? params.name;
    if (id !== undefined) {
      if (path.endsWith('/resume')) owners.assertResumable(id, who);
      else if (path.startsWith('/jobs/')) owners.assertJob(id, who);
      else if (path.startsWith('/models/')) owners.assertOwnModel(id, who);
      else owners.assertModel(id, who);
    }
    const body = context.get('body') as Readonly<Record<string, unknown>> | undefined;
    for (const field of FIELDS) {
      const named = body?.[field];
      if (typeof named === 'string') owners.assertModel(named, who);
    }
    return next();
  });
