import { randomUUID } from 'node:crypto';

import { beforeAll, expect, it } from 'vitest';

import { template, TEMPLATES } from '../../e2e/templates';
import { Editor } from './editor';

let editor: Editor;
beforeAll(async () => {
	editor = await Editor.open();
});

it('the notes of all templates have room for their text', async () => {
	const { page, n8n } = editor;
	const isNote = ({ type }: { type: string }) => type === 'n8n-nodes-base.stickyNote';
	const notes = TEMPLATES.flatMap((file) =>
		template(file)
			.nodes.filter(isNote)
			.map((note) => ({ ...note, name: `${note.name} of ${file}` })),
	);
	// All of them on one canvas, for each that is opened costs seconds.
	const nodes = notes.map((note, index) => ({
		...note,
		id: randomUUID(),
		position: [(index % 8) * 700, Math.floor(index / 8) * 500],
	}));
	const id = await n8n.createWorkflow({ name: 'All notes', nodes, connections: {} });
	await page.goto(`/workflow/${id}`);
	const shown = page.getByTestId('sticky');
	await expect.poll(() => shown.count(), { timeout: 60_000 }).toBe(notes.length);
	const overfull = await shown.evaluateAll((all) =>
		all.flatMap((note) => {
			const texts = [...note.querySelectorAll('h2, p, li, pre')];
			const bottom = Math.max(...texts.map((text) => text.getBoundingClientRect().bottom));
			const { bottom: edge, height } = note.getBoundingClientRect();
			return bottom <= edge - height / 50 ? [] : [note.textContent?.slice(0, 60)];
		}),
	);
	expect(overfull).toEqual([]);
	await editor.screenshot('notes-of-templates');
});
