import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it, onTestFinished } from 'vitest';

import { archiveSide, chosenBy, compareWorkflows, exportWorkflows, openArchive } from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { fakeN8n, fakeWorkflow, holding } from '../fake';

const MIB = 1024 * 1024;
const WORKFLOWS = 5000;
/** Of each workflow: together 100 MB, of which nothing repeats. */
const CHARACTERS = 20_000;

it('needs little memory for the export of 5,000 workflows, and for comparing them', async () => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	const root = temporaryFolder('n8n-memory');
	onTestFinished(() => removeFolder(root));
	// What a workflow holds is made when it is asked for, so that the server needs no memory either.
	const workflows = Array.from({ length: WORKFLOWS }, (_, index) => {
		const id = `w${String(index).padStart(5, '0')}`;
		const parameters = {
			get text() {
				return createHash('sha256')
					.update(id)
					.digest('hex')
					.repeat(CHARACTERS / 64);
			},
		};
		return fakeWorkflow(id, { nodes: [{ name: 'Code', type: 'n8n-nodes-base.code', parameters }] });
	});
	const n8n = await fakeN8n(holding(workflows));
	collect();
	const before = process.memoryUsage().heapUsed;
	// Less than before, where what earlier tests of the process left is collected meanwhile.
	let highest = -Infinity;
	const measure = (workflow: number) => {
		if (workflow % 500 !== 0) return;
		collect();
		highest = Math.max(highest, process.memoryUsage().heapUsed - before);
	};
	const storage = new FolderStorage({ root: `${root}/storage` });
	const manifest = await exportWorkflows({
		...{ api: n8n.api(), storage, codec: { name: 'none' } },
		onProgress: ({ workflows: done }) => measure(done),
	});
	expect(manifest.counts).toMatchObject({ workflows: WORKFLOWS });
	expect(manifest.size.raw).toBeGreaterThan(WORKFLOWS * CHARACTERS);
	const side = archiveSide(await openArchive(storage, { manifest, folder: 'n8n' }), chosenBy({}));
	let seen = 0;
	const measured: typeof side.each = async (visit, signal) => {
		const visitMeasured = async (...[workflow]: Parameters<typeof visit>) => {
			measure(++seen);
			await visit(workflow);
		};
		await side.each(visitMeasured, signal);
	};
	const after = { ...side, each: measured };
	const counts = await compareWorkflows({ before: side, after, matchBy: 'id', onWorkflow: () => {} });
	expect(counts).toMatchObject({ unchanged: WORKFLOWS, changed: 0 });
	expect(highest).toBeGreaterThan(-Infinity);
	expect(highest).toBeLessThan(24 * MIB);
}, 120_000);
