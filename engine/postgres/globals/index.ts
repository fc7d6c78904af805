export { applyGlobals, type ApplyGlobalsOptions, type ApplyGlobalsReport } from './apply';
export { globalsScript, type Globals, type GlobalsOptions } from './script';
export { settingValue } from './settings';
