import { BackupError } from '../../errors';

/** Larger files are not parsed, because JSON is held in memory whole. Exports of n8n and reports are far smaller. */
export const MAX_JSON_BYTES = 128 * 1024 * 1024;

export interface JsonContents {
	/** How many workflows an export of n8n holds. */
	workflows?: number;
	/** How many elements any other array or object has. */
	elements?: number;
	/** What is wrong with single workflows, in sentences that do not quote them. */
	problems: { part: string; message: string }[];
}

/**
 * Parses JSON to its end. An export of n8n (an array of workflows, or one workflow) has to hold workflows with nodes.
 * @throws BackupError ARCHIVE_CORRUPT, INVALID_INPUT (too large to be parsed); what the source throws
 */
export async function checkJson(source: AsyncIterable<Uint8Array>): Promise<JsonContents> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of source) {
		bytes += chunk.length;
		if (bytes <= MAX_JSON_BYTES) chunks.push(chunk);
		else chunks.length = 0;
	}
	if (bytes > MAX_JSON_BYTES) {
		throw new BackupError('INVALID_INPUT', `JSON of more than ${MAX_JSON_BYTES / 1024 ** 2} MiB is not parsed.`);
	}
	return judge(parse(Buffer.concat(chunks, bytes)));
}

function parse(content: Buffer): unknown {
	try {
		const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
		return JSON.parse(text);
	} catch {
		// The parser's own message quotes the content.
		throw new BackupError('ARCHIVE_CORRUPT', 'The file is not valid JSON to its end.', {
			hint: 'It was cut off or damaged. Fetch it again, or choose another one.',
		});
	}
}

interface WorkflowLike {
	name?: unknown;
	nodes?: unknown;
	connections?: unknown;
}

function judge(json: unknown): JsonContents {
	const elements = Array.isArray(json) ? json : [json];
	const size = typeof json === 'object' && json !== null ? Object.keys(json).length : undefined;
	const workflows = elements.filter(isWorkflow);
	if (workflows.length === 0) return { ...(size === undefined ? {} : { elements: size }), problems: [] };
	const problems = elements.flatMap((element, index) => {
		const part = `workflow ${index + 1}`;
		if (!isWorkflow(element)) return [{ part, message: 'It is no workflow, though others in the file are.' }];
		const problem = problemOf(element);
		return problem === undefined ? [] : [{ part, message: problem }];
	});
	return { workflows: workflows.length, problems };
}

function isWorkflow(value: unknown): value is WorkflowLike {
	return typeof value === 'object' && value !== null && 'nodes' in value && 'connections' in value;
}

function problemOf({ name, nodes, connections }: WorkflowLike): string | undefined {
	if (typeof name !== 'string') return 'It has no name.';
	if (!Array.isArray(nodes)) return 'Its nodes are no list.';
	if (typeof connections !== 'object' || connections === null) return 'Its connections cannot be read.';
	if (nodes.length === 0) return 'It has no nodes.';
	const isNode = (node: unknown) =>
		typeof node === 'object' && node !== null && typeof (node as { type?: unknown }).type === 'string';
	return nodes.every(isNode) ? undefined : 'One of its nodes has no type.';
}
