import { expect, it } from 'vitest';

import { exportWorkflows } from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage';
import { API_KEY, type Answer, type Asked, fakeN8n, fakeWorkflow } from '../fake';

// What fails here fails before anything is stored.
const target = { storage: new FolderStorage({ root: '/nowhere' }), codec: { name: 'none' as const } };

async function failureOf(answer: (asked: Asked) => Answer | 'never' | undefined): Promise<Record<string, unknown>> {
	const n8n = await fakeN8n(answer);
	const failed: unknown = await exportWorkflows({ api: n8n.api(), ...target }).catch((error: unknown) => error);
	expect(String(failed) + JSON.stringify(failed)).not.toContain(API_KEY);
	return failed as Record<string, unknown>;
}

const only = (answer: Answer) => () => answer;
/** A cursor of a form that no n8n has today. */
let cursors = 0;
const someCursor = () => `cursor ${cursors++}`;

it.each<[string, (asked: Asked) => Answer | undefined, RegExp]>([
	['a web page', only({ text: `<html>${API_KEY}</html>` }), /a web page/],
	['no JSON', only({ text: `{"data":[${API_KEY}` }), /no JSON/],
	['another shape', only({ json: { data: [{ id: 7, name: [] }] } }), /not one of n8n's API/],
	['a message with the key', only({ status: 400, json: { message: `No ${API_KEY}` } }), /No \*\*\*/],
	['a redirect', only({ status: 307, headers: { location: `https://x.test/a?k=${API_KEY}` } }), /a redirect to/],
	['one cursor again and again', only({ json: { data: [fakeWorkflow('a')], nextCursor: 'same' } }), /without end/],
	['pages without end', () => ({ json: { data: [fakeWorkflow('a')], nextCursor: someCursor() } }), /without end/],
	['empty pages without end', () => ({ json: { data: [], nextCursor: someCursor() } }), /without end/],
])('is found out, and the key stays a secret: a server that answers with %s', async (_what, answer, message) => {
	expect(await failureOf(answer)).toMatchObject({ name: 'BackupError', message: expect.stringMatching(message) });
});

it('is found out: one workflow in the place of another', async () => {
	const list = { data: [fakeWorkflow('a'), fakeWorkflow('b')] };
	const failed = await failureOf(({ path }) => ({ json: path === '/workflows' ? list : fakeWorkflow('a') }));
	expect(failed).toMatchObject({
		code: 'SOURCE_FAILED',
		message: expect.stringMatching(/workflow b .*another workflow/),
	});
});

it('is not waited for beyond all patience: a server that asks for patience', async () => {
	const failed = await failureOf(only({ status: 429, headers: { 'retry-after': '86400' }, text: 'slow down' }));
	expect(failed).toMatchObject({ code: 'SOURCE_FAILED', hint: expect.stringContaining('limits how often') });
});

it('is left at once when the export is cancelled: a server that does not answer', async () => {
	const controller = new AbortController();
	const n8n = await fakeN8n(() => {
		controller.abort();
		return 'never';
	});
	const made = exportWorkflows({ api: n8n.api(), ...target, signal: controller.signal });
	await expect(made).rejects.toMatchObject({ code: 'CANCELLED' });
});

it('is found out: rows of a data table that come again', async () => {
	const rows = { data: [{ id: 1 }, { id: 2 }], nextCursor: 'more' };
	const n8n = await fakeN8n(() => ({ json: rows }));
	const read = async () => {
		for await (const some of n8n.api().tables.rows({ id: 'a/../b', name: 'A' })) expect(some).toHaveLength(2);
	};
	await expect(read()).rejects.toMatchObject({ code: 'SOURCE_FAILED', message: expect.stringContaining('in order') });
	expect(n8n.requests[0]).toBe('GET /data-tables/a%2F..%2Fb/rows');
});

it('is found out: folders without end', async () => {
	const n8n = await fakeN8n(({ query }) => ({
		json: { data: Array.from({ length: 250 }, (_, index) => ({ id: `${query.get('skip')} ${index}`, name: 'A' })) },
	}));
	await expect(n8n.api().folders('p')).rejects.toMatchObject({ message: expect.stringContaining('without end') });
});
