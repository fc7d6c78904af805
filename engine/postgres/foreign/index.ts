export * from './custom';
export {
	detectDump,
	detectKind,
	looksLikeSql,
	type DetectedDump,
	type DetectOptions,
	type DumpFormat,
	type DumpWrapper,
} from './detect';
