import type { z } from 'zod';

import type { ByteCursor } from '../../archive/cursor';
import { messageOf } from '../../errors';
import type { Findings } from './findings';
import type { TarMember } from '../../tar';

/** The largest file that is read whole; quantization's centroids are JSON of a few megabytes. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Reads a small file whole; undefined, with a finding, where it cannot be one. */
export async function readText(
	member: TarMember,
	cursor: ByteCursor,
	where: string,
	findings: Findings,
): Promise<string | undefined> {
	if (member.storedSize > MAX_BYTES) {
		findings.warning(where, `It is too large to be checked (${member.storedSize} bytes).`);
		return undefined;
	}
	const bytes = await cursor.take(member.storedSize);
	if (member.size !== member.storedSize) {
		findings.error(where, 'It is text, but parts of it are stored as holes.');
		return undefined;
	}
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		findings.error(where, 'It is not valid UTF-8.');
		return undefined;
	}
}

/** Reads a JSON file; undefined, with a finding, where it does not parse. */
export async function readJson(
	member: TarMember,
	cursor: ByteCursor,
	where: string,
	findings: Findings,
): Promise<unknown> {
	const text = await readText(member, cursor, where, findings);
	if (text === undefined) return undefined;
	try {
		return JSON.parse(text);
	} catch (error) {
		findings.error(where, `It is not valid JSON: ${messageOf(error)}.`);
		return undefined;
	}
}

/** Reads a JSON file that must have a certain shape; undefined, with a finding, where it has not. */
export async function readShaped<Schema extends z.ZodTypeAny>(
	schema: Schema,
	member: TarMember,
	cursor: ByteCursor,
	where: string,
	findings: Findings,
): Promise<z.infer<Schema> | undefined> {
	const json = await readJson(member, cursor, where, findings);
	return json === undefined ? undefined : shaped(schema, json, where, findings);
}

/** The value where it has the shape; undefined, with a finding, where it has not. */
export function shaped<Schema extends z.ZodTypeAny>(
	schema: Schema,
	json: unknown,
	where: string,
	findings: Findings,
): z.infer<Schema> | undefined {
	const result = schema.safeParse(json);
	if (result.success) return result.data as z.infer<Schema>;
	const issue = result.error.issues[0];
	findings.error(where, `It is not as Qdrant writes it: ${issue?.path.join('.') || 'document'}: ${issue?.message}.`);
	return undefined;
}

/** Reads a `version.info`: `0.6.0`. These are versions of the storage format, not of the server. */
export async function readVersion(
	member: TarMember,
	cursor: ByteCursor,
	where: string,
	findings: Findings,
): Promise<string | undefined> {
	const text = (await readText(member, cursor, where, findings))?.trim();
	if (text === undefined || /^\d+\.\d+\.\d+([-+.][\w.+-]*)?$/.test(text)) return text;
	findings.error(where, 'It does not hold a version.');
	return undefined;
}
