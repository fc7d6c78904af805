import type { Locator } from 'playwright-core';
import type { Editor } from './editor';
import { NodePanel } from './node-panel';

/** A workflow on its canvas, to which nodes are added as a user finds them. */
export class Canvas {
	constructor(
		private readonly editor: Editor,
		readonly workflowId: string,
	) {}

	/** Looks for nodes by a word; what is found may come a moment later. */
	async search(text: string): Promise<void> {
		const { page } = this.editor;
		const bar = page.getByTestId('node-creator-search-bar');
		if (!(await bar.isVisible())) await page.getByTestId('node-creator-plus-button').click();
		await bar.fill(text);
	}

	/** The names of what is found now, best first. */
	async found(): Promise<string[]> {
		return await this.#entries().allInnerTexts();
	}

	/** Clicks what is found: of a node, what it can do is shown then. */
	async choose(name: string): Promise<void> {
		await this.#entries().getByText(name, { exact: true }).click();
	}

	/** The names of the nodes on the canvas, sorted. */
	async nodes(): Promise<string[]> {
		const nodes = this.editor.page.getByTestId('canvas-node');
		const names = await nodes.evaluateAll((all) => all.map((one) => one.getAttribute('data-node-name') ?? ''));
		return names.sort();
	}

	/** Imports a workflow from a file, as the menu of a workflow offers it, beside what is there. */
	async importFile(path: string): Promise<void> {
		await this.editor.page.getByTestId('workflow-import-input').setInputFiles(path);
	}

	/** Shows all nodes at once. */
	async showAll(): Promise<void> {
		await this.editor.page.getByTestId('zoom-to-fit').click();
	}

	/** Adds a node by one of its actions, as the list words it: `Back up databases`. Its panel opens. */
	async add(node: string, action: string): Promise<NodePanel> {
		await this.search(node);
		await this.choose(node);
		await this.choose(action);
		return await NodePanel.opened(this.editor, this.workflowId);
	}

	#entries(): Locator {
		return this.editor.page.getByTestId('node-creator-item-name');
	}
}
