import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import type { Editor } from './editor';
import { Form } from './form';

/** What a run's table shows. */
export interface Table {
	columns: string[];
	rows: string[][];
	/** Pixels. */
	rowHeights: number[];
}

/** The open panel of a node: its fields in the middle, what its last run put out on the right. */
export class NodePanel extends Form {
	readonly output: Locator;

	private constructor(
		private readonly editor: Editor,
		readonly workflowId: string,
	) {
		super(editor.page, editor.page.getByTestId('node-parameters'));
		this.output = editor.page.getByTestId('output-panel');
	}

	/** Waits until the panel is there. */
	static async opened(editor: Editor, workflowId: string): Promise<NodePanel> {
		const panel = new NodePanel(editor, workflowId);
		await panel.root.getByTestId('parameter-item').first().waitFor();
		return panel;
	}

	/** The title of the panel: the name that the node has got. */
	async title(): Promise<string> {
		return await this.page.getByTestId('node-title-container').innerText();
	}

	async close(): Promise<void> {
		await this.page.getByTestId('ndv-close-button').click();
		await this.root.waitFor({ state: 'hidden' });
	}

	/** Chooses a credential among those that are offered. @param label what stands over the choice: `Credential for Postgres` */
	async chooseCredential(label: string, name: string): Promise<void> {
		const named = this.page.getByText(label, { exact: true });
		const choice = this.root.getByTestId('node-credentials-slot').filter({ has: named });
		await choice.getByTestId('node-credentials-select').locator('input').click();
		await this.page.locator('.el-select-dropdown__item:visible').filter({ hasText: name }).first().click();
	}

	/** The entries of a resource locator's list, once the node has answered; none where it has found nothing. */
	async list(name: string): Promise<string[]> {
		await this.field(name).getByTestId('rlc-input').click();
		const items = this.page.getByTestId('rlc-item').filter({ visible: true });
		await items
			.first()
			.or(this.page.getByText('No results').filter({ visible: true }))
			.waitFor();
		const texts = await items.allInnerTexts();
		await this.page.keyboard.press('Escape');
		return texts.map((text) => text.trim());
	}

	/** Chooses from a resource locator's list the first entry that holds the text. */
	async pick(name: string, text: string): Promise<void> {
		await this.field(name).getByTestId('rlc-input').click();
		await this.page.getByTestId('rlc-item').filter({ hasText: text, visible: true }).first().click();
	}

	/** Chooses how a resource locator is filled in: `From list`, `By Name`, ... */
	async mode(name: string, mode: string): Promise<void> {
		await this.field(name).getByTestId('rlc-mode-selector').click();
		await this.page.locator('.el-select-dropdown__item:visible').getByText(mode, { exact: true }).click();
	}

	/** Types into a resource locator that is not filled in from a list; the editor takes the text over some time after the last key. */
	async fillLocator(name: string, text: string): Promise<void> {
		await this.field(name).getByTestId('rlc-input').fill(text);
		while ((await this.marked()).includes(name)) await sleep(50);
	}

	/** What a resource locator shows. */
	async located(name: string): Promise<string> {
		return await this.field(name).getByTestId('rlc-input').inputValue();
	}

	/** Runs the workflow up to this node and waits until n8n has ended the run and the panel shows it. */
	async execute(): Promise<void> {
		const { n8n } = this.editor;
		const known = new Set((await n8n.executions(this.workflowId)).map(({ id }) => id));
		await this.page.getByTestId('node-execute-button').first().click();
		for (;;) {
			const run = (await n8n.executions(this.workflowId)).find(({ id }) => !known.has(id));
			if (run && !['new', 'running', 'waiting'].includes(run.status)) break;
			await sleep(100);
		}
		await this.output.getByTestId('node-run-info').or(this.output.getByTestId('node-error-message')).first().waitFor();
	}

	/** The message of the error that the last run ended with. */
	async error(): Promise<string> {
		return await this.output.getByTestId('node-error-message').innerText();
	}

	/** What the error says to do, which stands below its message. */
	async advice(): Promise<string> {
		return await this.output.getByTestId('node-error-description').innerText();
	}

	/** The hints that stand over the output. */
	async hints(): Promise<string[]> {
		return await this.output.getByTestId('node-hint').allInnerTexts();
	}

	/** Shows another output of the node, by its name. */
	async chooseOutput(name: string): Promise<void> {
		await this.output.getByText(name).click();
	}

	/** The items of the last run as n8n's table shows them. */
	async table(): Promise<Table> {
		await this.output.getByTestId('radio-button-table').click();
		const table = this.output.locator('table');
		await table.locator('tbody tr').first().waitFor();
		// The last cell of each line is a margin.
		const columns = (await table.locator('thead th').allInnerTexts()).slice(0, -1);
		const rows = await table.locator('tbody tr').evaluateAll((lines) =>
			lines.map((line) => ({
				height: line.getBoundingClientRect().height,
				cells: [...line.querySelectorAll('td')].map((cell) => cell.innerText.trim()),
			})),
		);
		return {
			columns: columns.map((column) => column.trim()),
			rows: rows.map(({ cells }) => cells.slice(0, -1)),
			rowHeights: rows.map(({ height }) => height),
		};
	}
}
