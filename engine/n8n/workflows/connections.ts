import { isObject, type JsonObject, textIn } from './workflow';

/** One connection: from an output of a node to an input of another, both by name. */
export interface Connection {
	from: string;
	/** `main`, or one of the kinds for AI: `ai_tool`. */
	type: string;
	output: number;
	to: string;
	inputType: string;
	input: number;
}

/**
 * The connections of a workflow. n8n keeps them as `{ [node]: { [type]: [[{ node, type, index }, ...], ...] } }`, with a list for
 * each output; a list may be null. What has another form is passed over.
 */
export function* connectionsOf({ connections }: JsonObject): Generator<Connection> {
	for (const [from, byType] of entriesOf(connections)) {
		for (const [type, outputs] of entriesOf(byType)) {
			for (const [output, targets] of listOf(outputs).entries()) {
				for (const target of listOf(targets)) {
					if (!isObject(target)) continue;
					const { index } = target;
					yield {
						from,
						type,
						output,
						to: textIn(target, 'node'),
						inputType: textIn(target, 'type') || 'main',
						input: typeof index === 'number' ? index : 0,
					};
				}
			}
		}
	}
}

function entriesOf(value: unknown): [string, unknown][] {
	return isObject(value) ? Object.entries(value) : [];
}

function listOf(value: unknown): unknown[] {
	return Array.isArray(value) ? (value as unknown[]) : [];
}
