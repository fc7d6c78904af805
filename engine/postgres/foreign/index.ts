export * from './custom';
export { detectDump, detectFormat, type DetectedDump, type DumpFormat } from './detect';
