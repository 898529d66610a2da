// Entry `@ludic/grpo/internal`: what other packages of this repository need and nothing else is promised.

export { estimatorNames } from './advantages/estimator-names.ts';
export { samplesOf } from './batching/batch.ts';
export { ROUNDING } from './loss/loss-metrics.ts';
export { lossNames } from './loss/loss-types.ts';
export { pluggedIn } from './plugins/plugin.ts';
export { SAMPLED_METRICS } from './run/evaluation-score.ts';
export { describeMemory, gigabytes } from './run/memory.ts';
export { currentEvaluation, type LogLine, readLogLine } from './run/metrics-log.ts';
export { probePrompts } from './run/probe-prompts.ts';
export { CHANGEABLE, firstSettings } from './settings/changes.ts';
export {
  camelCase,
  DEFAULT_FIELDS,
  settingsFromJson,
  settingsToJson,
  snakeCase,
  trainingFields,
  trainSettings,
} from './settings/convert.ts';
export { ADAMW_FIELDS, LORA_FIELDS, LOSS_FIELDS, RUN_FIELDS, WARM_START_FIELDS } from './settings/fields.ts';
export { traitsOfName } from './settings/model-traits.ts';
export { DEMO_PRESET, PRESETS, pagePreset } from './settings/presets.ts';
export { RECIPES, type Recipe } from './settings/recipes.ts';
export { RULE_TEXTS } from './settings/rule-texts.ts';
export { evaluationPlan, groupSizeFor, shardsFor } from './settings/rules.ts';
export { isCallbackMetric } from './trainer/step-metrics.ts';
export { AUTO_WARM_START, TAUGHT_MISTAKES, TEACH } from './warm-start/plan.ts';
