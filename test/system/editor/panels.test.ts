import { expect, it } from 'vitest';
import { BackupCopy } from '../../../nodes/BackupCopy/BackupCopy.node';
import { BackupReport } from '../../../nodes/BackupReport/BackupReport.node';
import { FilesArchive } from '../../../nodes/FilesArchive/FilesArchive.node';
import { MinioMirror } from '../../../nodes/MinioMirror/MinioMirror.node';
import { N8nExport } from '../../../nodes/N8nExport/N8nExport.node';
import { PostgresDump } from '../../../nodes/PostgresDump/PostgresDump.node';
import { PostgresPitr } from '../../../nodes/PostgresPitr/PostgresPitr.node';
import { PruneRetention } from '../../../nodes/PruneRetention/PruneRetention.node';
import { QdrantSnapshot } from '../../../nodes/QdrantSnapshot/QdrantSnapshot.node';
import { VerifyArchive } from '../../../nodes/VerifyArchive/VerifyArchive.node';
import { Editor } from './editor';

const NODES = [
	BackupCopy,
	BackupReport,
	FilesArchive,
	MinioMirror,
	N8nExport,
	PostgresDump,
	PostgresPitr,
	PruneRetention,
	QdrantSnapshot,
	VerifyArchive,
].map((Node) => new Node().description);

const editor = await Editor.open();

/** A node's operations, as the list of nodes words them and as its panel shows them. */
function operationsOf({ properties }: (typeof NODES)[number]): Array<{ name: string; action: string }> {
	const options = properties.filter(({ name }) => name === 'operation').flatMap(({ options: own = [] }) => own);
	return options.map((option) => ({ name: option.name, action: String('action' in option && option.action) }));
}

it.each(NODES)('$displayName is found by its name, and each of its actions opens a panel without red', async (node) => {
	const canvas = await editor.openCanvas();
	for (const { name, action } of operationsOf(node)) {
		const panel = await canvas.add(node.displayName, action);
		await expect.poll(() => panel.value('operation')).toBe(name);
		expect(await panel.marked(), name).toEqual([]);
		expect((await panel.labels()).length).toBeGreaterThan(2);
		await editor.pictures(`${node.name}-${name.replaceAll(' ', '-')}`);
		await panel.close();
	}
});
