import type { IExecuteFunctions } from 'n8n-workflow';

/** Puts warnings where they are seen in the editor, each once. */
export function showWarnings(context: Pick<IExecuteFunctions, 'addExecutionHints'>, messages: Iterable<string>): void {
	for (const message of new Set(messages)) {
		context.addExecutionHints({ message, type: 'warning', location: 'outputPane' });
	}
}
