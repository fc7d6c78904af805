export {
	type ArchiveSource,
	CustomArchive,
	type DataBlock,
	describeEntry,
	type LargeObject,
	openArchive,
	type OpenOptions,
	readToc,
	type SeekableSource,
} from './archive';
export type { ArchiveCompression, ArchiveHeader } from './header';
export { type DumpObject, listObjects } from './list';
export {
	isHarmlessForDrop,
	planRestore,
	type PlannedData,
	type PlannedStatement,
	type RestoreOptions,
	type RestorePlan,
} from './plan';
export type { Selection, TableName } from './select';
export type { Section, Toc, TocEntry } from './toc';
