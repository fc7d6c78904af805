import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backup, type Json, NodeRunner } from '../nodes/node-runner';
import { createShop, NODE_TYPE as DUMP, postgresData } from '../nodes/postgres-support';
import { copyBackup, flipBit, NODE_TYPE, scratchDatabases, verdicts, verdictsOf } from '../nodes/verify-support';
import { chain, type NodeUnderTest } from '../nodes/workflow';
import { type PostgresServer, startPostgres } from '../services/postgres';
import type { Execution, WorkflowJson } from '../services/n8n-client';
import { sharedN8n } from './harness';

const n8n = await sharedN8n();
let postgres: PostgresServer;

beforeAll(async () => {
	postgres = await startPostgres({ version: 18 });
	await createShop(postgres, 'shop');
});

afterAll(async () => {
	await postgres?.stop();
});

/** A fresh storage, with a node for each thing to do with it. */
async function freshStorage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const server = await n8n.createCredential('server', 'postgres', postgresData(postgres, 'shop'));
	const dump = new NodeRunner(n8n, DUMP, { ...node.credentials, postgres: server });
	return { folder, node, dump, scratch: { postgres: server } };
}

it('verifies backups into two outputs, lists the verdicts, drills and looks at the trend', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const key = made!['key'] as string;
	const bad = copyBackup(folder, key, 'other');
	flipBit(join(folder, bad));
	const run = await node.run('verify', { which: 'all', onFailure: 'putOut' });
	expect(run.status).toBe('success');
	expect(verdictsOf(run)).toMatchObject({
		passed: [{ key, verdict: 'passed' }],
		failed: [{ key: bad, verdict: 'failed' }],
		hints: ['1 of 2 has not passed: it is in Failed, the second output.'],
	});
	expect((await verdicts(node, 'listVerifications', backup('file', key))).passed).toMatchObject([{ key }]);
	expect((await verdicts(node, 'checkTrend', { options: { folder: 'postgres' } })).passed).toHaveLength(1);
	const drill = await verdicts(node, 'drill', { options: { folder: 'postgres' } });
	expect(drill.passed).toMatchObject([{ verdict: 'passed', recorded: 1 }]);
	const request = { nodeType: NODE_TYPE, credentials: node.credentials, parameters: { operation: 'verify' } };
	const { results } = await n8n.searchList({ ...request, methodName: 'searchBackups', path: 'parameters.backup' });
	expect(results.map(({ value }) => value)).toContain(made!['id']);
});

/** Starts a workflow as the editor does, whole or only up to a node, and waits for its end. */
async function runByHand(id: string, more: Json): Promise<Execution> {
	const workflowData = await n8n.rest<WorkflowJson>('GET', `/workflows/${id}`);
	const { executionId } = await n8n.rest<Json>('POST', `/workflows/${id}/run`, { workflowData, ...more });
	for (;;) {
		const execution = await n8n.execution(executionId as string);
		if (!['new', 'running', 'waiting'].includes(execution.status)) return execution;
		await sleep(50);
	}
}

it('fails over a bad backup unless something is connected to Failed: published, by hand, and a single step', async () => {
	const { folder, node, dump } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const key = made!['key'] as string;
	flipBit(join(folder, key));
	const { credentials } = node;
	const under: NodeUnderTest = { type: NODE_TYPE, credentials, parameters: { operation: 'verify', which: 'all' } };
	const trigger = { name: 'Start', type: 'n8n-nodes-base.manualTrigger', parameters: {} };
	const started = {
		startTime: Date.now(),
		executionTime: 0,
		executionIndex: 0,
		source: [],
		executionStatus: 'success',
	};
	const runData = { Start: [{ ...started, data: { main: [[{ json: {} }]] } }] };
	const step = { runData, dirtyNodeNames: [], destinationNode: { nodeName: 'Node', mode: 'inclusive' } };
	const statuses = async (connected: NonNullable<NodeUnderTest['connected']>) => {
		const published = await (await n8n.workflow({ ...under, connected })).run();
		const id = await n8n.createWorkflow({
			name: 'By hand',
			pinData: {},
			...chain(trigger, { ...under, connected }, []),
		});
		const byHand = await runByHand(id, { triggerToStartFrom: { name: 'Start' } });
		const { status, data } = await runByHand(id, step);
		expect(Object.keys(data.resultData.runData).sort()).toEqual(['Node', 'Start']);
		for (const { error } of [published, byHand.data.resultData, data.resultData]) {
			if (error) expect(error.message).toContain(`${key}: failed. `);
		}
		return [published.status, byHand.status, status];
	};
	expect(await statuses(['on'])).toEqual(['error', 'error', 'error']);
	expect(await statuses([undefined, 'on'])).toEqual(['success', 'success', 'success']);
});

const one = (made: Json) => backup('id', made['id'] as string);
const asserted = (...assertion: Json[]) => ({ assertions: { assertion } });

it('ends at once when it is cancelled, and leaves nothing on the server', async () => {
	const { node, dump, scratch: servers } = await freshStorage();
	const [made] = await dump.ok('backUp');
	const test = {
		...one(made!),
		level: 'restore',
		postgresTarget: 'server',
		...asserted({ sql: 'SELECT pg_sleep(100) IS NULL' }),
	};
	const workflow = await node.with(servers).workflow('verify', test);
	const answer = workflow.start();
	const id = await workflow.running();
	const isAsleep = async () => {
		const { rows } = await postgres.query(
			'postgres',
			`SELECT FROM pg_stat_activity WHERE datname LIKE 'stack_backup_verify%' AND query LIKE '%pg_sleep%'`,
		);
		return rows.length > 0;
	};
	while (!(await isAsleep())) await sleep(50);
	await n8n.stopExecution(id);
	expect((await workflow.finished(id)).status).toBe('canceled');
	while ((await scratchDatabases(postgres)).length > 0) await sleep(50);
	await answer;
	const { passed, failed } = await verdicts(node, 'listVerifications', one(made!));
	expect([passed, failed]).toEqual([[], []]);
});

const textOf = (path: string) => {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
};

/** Processes that restore in memory for the n8n of these tests. */
function restoring(): string[] {
	return readdirSync('/proc').filter((pid) => {
		if (!/^\d+$/.test(pid) || !textOf(`/proc/${pid}/cmdline`).includes('inProcess/child')) return false;
		const parent = /^PPid:\s+(\d+)$/m.exec(textOf(`/proc/${pid}/status`))?.[1];
		return textOf(`/proc/${parent}/environ`).includes(n8n.connection.userFolder);
	});
}

it('ends a test restore in memory at once when the execution is stopped, and leaves no process', async () => {
	const { folder, node, dump } = await freshStorage();
	await dump.ok('backUp');
	// That it was stopped stands in the journal, some time later.
	const backups = () => readdirSync(join(folder, 'postgres')).sort();
	const before = backups();
	// Keeps PostgreSQL in memory busy: it has no clock to stop a statement by.
	const assertion = [{ sql: 'SELECT count(*) > 0 FROM generate_series(1, 1000000000000)' }];
	const test = { ...backup('latest', 'shop'), level: 'restore', assertions: { assertion } };
	const workflow = await node.workflow('verify', test);
	const answer = workflow.start();
	const id = await workflow.running();
	while (restoring().length === 0) await sleep(50);
	const [pid] = restoring();
	const ticks = () => Number(textOf(`/proc/${pid}/stat`).split(' ')[13]);
	while (!(ticks() > 300)) await sleep(100);
	await n8n.stopExecution(id);
	expect((await workflow.finished(id)).status).toBe('canceled');
	while (restoring().length > 0) await sleep(50);
	await answer;
	expect(backups()).toEqual(before);
	const again = await verdicts(node, 'verify', { ...backup('latest', 'shop'), level: 'restore' });
	expect(again.passed).toMatchObject([{ reached: 'restore' }]);
});
