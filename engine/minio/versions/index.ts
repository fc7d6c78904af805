/** Older versions of objects and delete markers: in a backup, and back in a bucket. */
export {
	currentObjects,
	entriesOfVersions,
	formerNameOf,
	knownAsVersion,
	mayHaveVersions,
	versionIn,
	type EntryVersion,
	type Versions,
} from './entries';
export { isVersionName, keyOfVersion, memberOfVersion, pathOfVersion, titleOf, versionAt } from './names';
export { historiesIn, type HistoryItem, type KeyHistory } from './histories';
export { standingOf, type Standing } from './standing';
export { Turns } from './turns';
