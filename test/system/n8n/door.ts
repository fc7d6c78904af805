/** What an n8n is filled with whose backup is tried, and how a restored one is asked for it. */
import type { Execution, N8nClient } from '../../services/n8n-client';

/** The paths of its webhooks. */
const ASKED = 'asked';
const GIVEN = 'given';

/** A workflow whose webhook wants the password of a stored credential, and one that makes a file. */
export async function fill(n8n: N8nClient): Promise<void> {
	const auth = await n8n.createCredential('door', 'httpBasicAuth', { user: 'anna', password: 'open sesame' });
	const asked = await n8n.createWorkflow({
		name: 'Asked',
		nodes: [
			{
				name: 'Webhook',
				type: 'n8n-nodes-base.webhook',
				typeVersion: 2,
				parameters: { httpMethod: 'GET', path: ASKED, authentication: 'basicAuth', responseMode: 'lastNode' },
				credentials: { httpBasicAuth: auth },
			},
			{
				name: 'Answer',
				type: 'n8n-nodes-base.set',
				typeVersion: 3.4,
				parameters: { mode: 'raw', jsonOutput: '{ "answer": "come in" }' },
			},
		],
		connections: { Webhook: { main: [[{ node: 'Answer', type: 'main', index: 0 }]] } },
	});
	await n8n.activate(asked);
	const given = await n8n.createWorkflow({
		name: 'Given',
		nodes: [
			{
				name: 'Webhook',
				type: 'n8n-nodes-base.webhook',
				typeVersion: 2,
				parameters: { httpMethod: 'POST', path: GIVEN, responseMode: 'lastNode', responseData: 'allEntries' },
			},
			{
				name: 'File',
				type: 'n8n-nodes-base.convertToFile',
				typeVersion: 1.1,
				parameters: { operation: 'toText', sourceProperty: 'body.text' },
			},
		],
		connections: { Webhook: { main: [[{ node: 'File', type: 'main', index: 0 }]] } },
	});
	await n8n.activate(given);
}

export async function knock(url: string, password: string): Promise<number> {
	const authorization = `Basic ${Buffer.from(`anna:${password}`).toString('base64')}`;
	return (await fetch(`${url}/webhook/${ASKED}`, { headers: { authorization, connection: 'close' } })).status;
}

/** Executions one after another, or so many such rows at once, until told to end; answers how many there were. */
export function keepBusy(n8n: N8nClient, atOnce = 1): () => Promise<number> {
	let done = false;
	let count = 0;
	const row = async () => {
		while (!done) {
			if ((await knock(n8n.url, 'open sesame')) === 200) count++;
		}
	};
	const running = Promise.all(Array.from({ length: atOnce }, row));
	return async () => {
		done = true;
		await running;
		return count;
	};
}

/** Has an execution make a file; answers where n8n says that it is: `filesystem-v2:...`, `database:...`. */
export async function give(n8n: N8nClient, text: string): Promise<string> {
	const { status } = await n8n.webhook(GIVEN, { text });
	if (status !== 200) throw new Error(`The webhook answered ${status}.`);
	const workflows = await n8n.publicApi<{ data: Array<{ id: string }> }>('GET', '/workflows?name=Given');
	const [newest] = await n8n.executions(workflows.data[0]!.id);
	const execution: Execution = await n8n.execution(newest!.id);
	const [item] = execution.data.resultData.runData['File']![0]!.data!.main[0]!;
	return Object.values(item!.binary!)[0]!['id'] as string;
}

/** What an n8n gives for it. */
export async function taken({ connection: { url, cookie } }: N8nClient, id: string): Promise<string> {
	const response = await fetch(`${url}/rest/binary-data?id=${encodeURIComponent(id)}&action=download`, {
		headers: { cookie, connection: 'close' },
	});
	return response.ok ? await response.text() : `${response.status}`;
}
