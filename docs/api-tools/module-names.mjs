// Modules of the reference are named as they are imported: `@ludic/models/node`, not `models/src/node`.

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on('resolveBegin', ({ project }) => {
    for (const module of project.children ?? []) {
      const [name, , ...entry] = module.name.split('/');
      const parts = [name, ...entry.filter((part) => part !== 'index')];
      module.name = name === 'ludic' ? 'ludic' : `@ludic/${parts.join('/')}`;
    }
  });
}
