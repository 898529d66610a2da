// GRPO in the page. What was trained is kept as files, apart from the device, so that it can be played on any.

import { Trainer } from '@ludic/grpo';
import { completeCompanions, folderFiles } from '@ludic/models';
import { blobsOf } from '@ludic/models/web';
import { openLanguageModel } from '@ludic/policies';
import type { HostTensor } from '@ludic/runtime';
import type { Models, Report } from './models.ts';
import type { Answers, RequestOf } from './protocol.ts';

/** Ends early where it is cancelled, with what was learned until then. */
export async function trainHere(
  { model: name, device, settings, saveAs }: RequestOf<'train'>,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['train']> {
  const files = models.files(name, report, signal);
  const runtime = await models.runtime(device, report);
  // A copy of its own: the model that others play stays as it is.
  const model = await openLanguageModel(files, runtime);
  const began = performance.now();
  let trainer: Trainer | undefined;
  try {
    trainer = await Trainer.create(model, settings);
    const { steps } = settings;
    for (let seconds: number | undefined; trainer.step < steps; ) {
      report({ stage: 'learning', step: trainer.step + 1, steps, seconds });
      const before = performance.now();
      report({ stage: 'learned', metrics: (await trainer.runStep(signal)).metrics });
      seconds = (performance.now() - before) / 1000;
    }
  } catch (error) {
    if (!signal.aborted || !trainer || trainer.step === 0) {
      // What went wrong is what to tell, not what could not be tidied up after it.
      await trainer?.dispose().catch(() => {});
      model.parameters.dispose();
      throw error;
    }
  }
  const steps = trainer.step;
  const parameters: Record<string, HostTensor> = await model.parameters.download();
  await trainer.dispose();
  model.parameters.dispose();
  const blobs = blobsOf(folderFiles(model.config, parameters, await completeCompanions(files)));
  models.add(saveAs, 'training', blobs);
  return { name: saveAs, device: runtime.device, steps, seconds: (performance.now() - began) / 1000 };
}
