import { lexScript } from '../script';
import { isOff, readScriptSetting } from '../script/settings';

import { type GlobalStatement, readStatement } from './statement';

/** Bytes of the longest statement: more than any comment on a role. */
export const MAX_GLOBAL_BYTES = 16 * 1024 * 1024;

/** A statement, and how its strings are to be read. */
export type ReadGlobal = GlobalStatement & { standardStrings: boolean };

/**
 * The statements of a globals script, read as psql and the server read them; commands of psql alone are passed over.
 * @throws BackupError as lexScript does; what the script's source throws
 */
export async function* globalStatements(
	script: string | AsyncIterable<Uint8Array>,
	signal?: AbortSignal,
): AsyncGenerator<ReadGlobal, void, undefined> {
	const source = typeof script === 'string' ? bytesOf(script) : script;
	let standardStrings = true;
	for await (const item of lexScript(source, { maxStatementBytes: MAX_GLOBAL_BYTES, ...(signal && { signal }) })) {
		if (item.type === 'meta') continue;
		const sql = item.type === 'copy' ? item.statement : item.text;
		yield { ...readStatement(sql, standardStrings), standardStrings };
		const setting = readScriptSetting(sql);
		if (setting?.name === 'standard_conforming_strings') standardStrings = !isOff(setting.value);
	}
}

async function* bytesOf(script: string): AsyncGenerator<Buffer> {
	yield await Promise.resolve(Buffer.from(script));
}
