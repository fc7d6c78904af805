/** One file a workflow, in a tar: what `n8n export:workflow --backup` makes in a folder, readable line by line in Git. */
import { safeName } from '../../archive';
import { memberHeader, tarEnd, tarPadding } from '../../tar';
import { WORKFLOW_LIMITS } from './limits';
import { idOf, type JsonObject } from './workflow';

/** A file for a tar. */
export interface SeparateFile {
	path: string;
	content: Buffer;
	/** Undefined for the time of the backup. */
	modified: Date | undefined;
}

/**
 * `<id>.json`, as old as the workflow. One that would be larger with spaces than what can be read back is written without them.
 * @param json The workflow without spaces.
 */
export function fileOf(workflow: JsonObject, json: string): SeparateFile {
	const { updatedAt } = workflow;
	const pretty = Buffer.from(JSON.stringify(workflow, null, 2));
	const modified = typeof updatedAt === 'string' ? new Date(updatedAt) : undefined;
	return {
		path: `${safeName(idOf(workflow) ?? 'workflow')}.json`,
		content: pretty.length > WORKFLOW_LIMITS.element ? Buffer.from(json) : pretty,
		modified: modified && Number.isFinite(modified.getTime()) ? modified : undefined,
	};
}

export async function* tarOf(files: AsyncIterable<SeparateFile>, now: Date): AsyncGenerator<Uint8Array> {
	for await (const { path, content, modified = now } of files) {
		yield memberHeader({
			name: Buffer.from(path),
			type: 'file',
			size: content.length,
			modified: BigInt((modified ?? now).getTime()) * 1_000_000n,
			mode: 0o600,
			uid: 0,
			gid: 0,
		});
		yield content;
		yield tarPadding(content.length);
	}
	yield tarEnd();
}
