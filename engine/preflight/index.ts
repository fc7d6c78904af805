/**
 * What would make a back up or a restore fail, found before it does: the one form of a finding, and the checks that all systems
 * share. Each system brings its own. Nothing here changes anything but scratch objects of its own.
 */
export {
	finder,
	findingsOf,
	LEVELS,
	PURPOSES,
	sortedFindings,
	type Finder,
	type SetupFinding,
	type Level,
	type Purpose,
} from './finding';
export { clockFindings } from './clock';
export { encryptionFindings, type Keys } from './encryption';
export { proxyFindings } from './proxy';
export type { ExecutionLimit } from './series';
export { checkStorage, type CheckStorageOptions } from './storage';
