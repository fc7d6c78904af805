export {
	copyOf,
	CustomArchive,
	type DataBlock,
	describeEntry,
	type LargeObject,
	openArchive,
	type OpenOptions,
	readToc,
} from './archive';
export type { ArchiveCompression, ArchiveHeader } from './header';
export { type DumpObject, listObjects } from './list';
export { planRestore, type PlannedData, type PlannedStatement, type RestorePlan } from './plan';
export { isOfDatabase } from './select';
export type { Section, Toc, TocEntry } from './toc';
