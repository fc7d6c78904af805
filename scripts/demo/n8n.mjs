import { execute, outputOf, runNode } from './execute.mjs';

export const n8nScenarios = [
	{
		title: 'The nightly template exports all workflows, and a comparison tells what was changed since',
		run: exportAndCompare,
	},
];

const FILE = 'n8n-nightly-workflow-export.json';
const CHANGED = 'files-nightly-backup.json';

async function exportAndCompare(environment) {
	const { n8n, templates, credentials } = environment;
	const [made] = outputOf(await execute(environment, FILE, 'Every Night at 01:30'), 'Summary').backups;
	const { id } = templates.find(({ file }) => file === CHANGED);
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((one) => (one.name === 'Summary' ? { ...one, disabled: true } : one));
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
	const change = await runNode(environment, {
		name: 'Compare workflows',
		type: 'n8n-nodes-stack-backup.n8nExport',
		parameters: {
			resource: 'workflow',
			operation: 'compareWorkflows',
			backup: { __rl: true, mode: 'latest', value: 'workflows' },
			selection: { ids: id },
		},
		credentials: { n8nApi: credentials.n8nApi, backupStorageApi: credentials.backupStorageApi },
	});
	if (change.node !== 'Summary' || change.path !== 'disabled') throw new Error(`It told ${JSON.stringify(change)}.`);
	return [
		`${made.file}: ${made.workflows} workflows, ${made.size}`,
		`${change.workflow}, ${change.node}: ${change.path} was changed`,
	];
}
