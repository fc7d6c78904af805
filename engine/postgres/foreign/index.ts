export * from './custom';
export { isTextFormat } from './copyFormat';
export {
	detectDump,
	detectKind,
	looksLikeSql,
	type DetectedDump,
	type DetectOptions,
	type DumpFormat,
	type DumpWrapper,
} from './detect';
