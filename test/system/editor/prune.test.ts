import { expect, it } from 'vitest';
import { NODE_TYPE, pruneNode, writeDaily } from '../../nodes/retention-support';
import { Editor } from './editor';

const editor = await Editor.open();

it('has the matters of experts last, and does not run by rules of which there is none', async () => {
	const { node, storage } = await pruneNode(editor.n8n);
	await writeDaily(storage, 3);
	const { credentials } = node;
	const panel = await editor.openNode({ type: NODE_TYPE, credentials, parameters: { operation: 'dryRun' } });
	const labels = await panel.labels();
	expect(labels.slice(-4)).toEqual(['Options', 'Separate Policies', 'Foreign Files', 'WAL']);
	expect(labels.indexOf('Policy')).toBeLessThan(labels.indexOf('Options'));
	await editor.screenshot('prune-panel');
	await panel.choose('policy', 'Custom');
	await expect
		.poll(async () => (await panel.notices()).join())
		.toMatch(/What none of your rules keeps is deleted\. Add at least one/);
	await editor.screenshot('prune-custom');
	await panel.execute();
	expect(await panel.error()).toContain('Policy is Custom and has no rule: nothing would ever be deleted.');
	await editor.screenshot('prune-custom-without-rule');
});
