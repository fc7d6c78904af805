export * from './custom';
export { isTextFormat } from './copyFormat';
export {
	detectDump,
	detectKind,
	type DetectedDump,
	type DetectOptions,
	type DumpFormat,
	type DumpWrapper,
} from './detect';
export { listPlainDump } from './plain';
