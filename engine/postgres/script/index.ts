export { CopyDataSplitter } from './copy-data';
export { copyInEncoding, decodingFor, type TextDecoding } from './encoding';
export {
	lexScript,
	MAX_DEFINITION_BYTES,
	type LexOptions,
	type ScriptCopy,
	type ScriptItem,
	type ScriptMeta,
	type ScriptStatement,
} from './lexer';
export { splitStatements, type StatementSpan } from './split';
