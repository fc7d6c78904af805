import { BackupError } from '../../errors';
import { finder, findingsOf, proxyFindings, type SetupFinding } from '../../preflight';
import { isUnlicensed, type N8nApi } from '../api';

/** What an export of everything asks for, by the scopes that n8n calls it. */
const READS: Array<[what: string, read: (api: N8nApi, signal?: AbortSignal) => AsyncIterable<unknown>]> = [
	['Workflows', (api, signal) => api.workflows(undefined, signal)],
	['Tags', (api, signal) => api.tags(signal)],
	['Variables', (api, signal) => api.variables(signal)],
	['Projects', (api, signal) => api.projects(signal)],
	['Data Tables', (api, signal) => api.tables.list(signal)],
];

/** What an API key may not read that a whole export reads. @throws BackupError CANCELLED; what else fails is a finding */
export async function checkN8nApi(api: N8nApi, signal?: AbortSignal): Promise<SetupFinding[]> {
	const reach = finder('Workflows', api.server, 'backup');
	const reached = await findingsOf(reach, async () => {
		for await (const { id } of api.workflows(undefined, signal)) {
			await api.workflow(id, signal);
			break;
		}
		return [reach.ok('The API key may list and read workflows.')];
	});
	const proxies = proxyFindings(api.instance, false);
	if (reached.some(({ level }) => level === 'problem')) return [...reached, ...proxies];
	const findings = await everythingFindings(api, signal);
	for (const [what, read] of READS.slice(1)) {
		const { ok, warning } = finder(what, api.server, 'backup');
		try {
			for await (const _ of read(api, signal)) break;
			findings.push(ok(`The API key may list ${what.toLowerCase()}.`));
		} catch (error) {
			if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
			// What a licence leaves out is not there to be backed up.
			if (isUnlicensed(error)) continue;
			findings.push(
				warning(
					`An export can be made, without ${what.toLowerCase()}: ${error.message}`,
					error.hint ?? 'See the log of n8n.',
				),
			);
		}
	}
	return [...reached, ...findings, ...proxies];
}

/** Whether it is certain that an export has all workflows: only who may list users sees all of them. */
async function everythingFindings(api: N8nApi, signal: AbortSignal | undefined): Promise<SetupFinding[]> {
	const all = finder('All Workflows', api.server, 'backup');
	return await findingsOf(all, async () => [
		(await api.seesAll(signal))
			? all.ok('The API key sees the workflows of all users.')
			: all.warning(
					'Nothing proves that the API key sees the workflows of all users.',
					'Make the API key as the owner or an admin, with the scope user:list (Settings, n8n API).',
				),
	]);
}
