export * from './custom';
export { describeStatement, type Description } from './describe';
export {
	detectDump,
	detectKind,
	type DetectedDump,
	type DetectOptions,
	type DumpFormat,
	type DumpWrapper,
} from './detect';
export { listPlainDump, type PlainListing } from './plain';
