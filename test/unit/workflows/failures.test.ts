import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..', '..', 'workflows');

interface TemplateNode {
	type: string;
	parameters: Record<string, unknown>;
}

const MESSAGES = globSync('*.json', { cwd: ROOT }).flatMap((file) => {
	const { nodes } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { nodes: TemplateNode[] };
	const ends = nodes.filter(({ type }) => type === 'n8n-nodes-base.stopAndError');
	return ends.map(({ parameters }) => ({ file, message: String(parameters['errorMessage']) }));
});

const told = { problem: 'It broke.', hint: 'Mend it.' };
/** What comes where a node fails, where a backup has not passed, and as a summary of those. */
const ITEMS = [
	{ error: 'It broke.', details: { hint: 'Mend it.' } },
	{ ...told, failed: [told] },
];

/** A message as n8n makes it of an item. */
function shown(message: string, $json: object): string {
	const $input = { all: () => [{ json: $json }] };
	return message.replace(/^=/, '').replace(/\{\{(.*?)\}\}(?!\})/g, (_, expression: string) => {
		// eslint-disable-next-line @typescript-eslint/no-implied-eval
		const evaluate = new Function('$json', '$input', `return ${expression}`) as (...given: object[]) => unknown;
		try {
			return String(evaluate($json, $input));
		} catch {
			// n8n shows nothing, either.
			return '';
		}
	});
}

it('templates end in errors', () => {
	expect(MESSAGES.length).toBeGreaterThan(7);
});

it.each(MESSAGES)('the error that $file ends with says what happened, and what to do about it', ({ message }) => {
	expect(ITEMS.map((item) => shown(message, item)).join('\n')).toMatch(/It broke\. Mend it\./);
});
