import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { chromium, type Page, selectors } from 'playwright-core';
import { afterAll, afterEach } from 'vitest';
import { sharedN8n, type N8nUnderTest } from '../../e2e/harness';
import { chain, type NodeUnderTest } from '../../nodes/workflow';
import { Canvas } from './canvas';
import { CredentialDialog } from './credential-dialog';
import { NodePanel } from './node-panel';

const CHROMIUM = '/usr/bin/chromium';
const SCREENSHOTS = join(__dirname, '..', '..', '..', '.cache', 'screenshots');

/** As small as the window of a user's laptop may be. */
const WINDOW = { width: 1280, height: 720 };

/** As long as a test may wait for anything: a busy machine is no failure. */
const PATIENCE_MS = 60_000;

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

const START = { id: randomUUID(), name: 'Start', type: 'n8n-nodes-base.manualTrigger', typeVersion: 1, parameters: {} };

export type Theme = 'light' | 'dark';

/** n8n's editor in a real browser, driven as its owner does: what is clicked and read is what a user sees. */
export class Editor {
	private constructor(
		readonly n8n: N8nUnderTest,
		readonly page: Page,
	) {}

	/**
	 * Starts a browser and logs in to the n8n that all tests share. One serves all tests of a file, which opens it before them;
	 * it ends with them. What the window shows where one fails is in `.cache/screenshots/failed-<its name>.png`.
	 */
	static async open(theme: Theme = 'light'): Promise<Editor> {
		const n8n = await sharedN8n();
		// n8n marks with it what its own tests look for.
		selectors.setTestIdAttribute('data-test-id');
		const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
		const page = await browser.newPage({ viewport: WINDOW, baseURL: n8n.url });
		page.setDefaultTimeout(PATIENCE_MS);
		page.setDefaultNavigationTimeout(PATIENCE_MS);
		const editor = new Editor(n8n, page);
		await editor.#logIn();
		await editor.useTheme(theme);
		afterEach(async ({ task }) => {
			if (task.result?.state === 'fail') await editor.screenshot(`failed-${task.name}`);
		});
		afterAll(() => browser.close());
		return editor;
	}

	async #logIn(): Promise<void> {
		const { email, password } = this.n8n.connection;
		await this.page.goto('/signin');
		await this.page.locator('input[name=emailOrLdapLoginId]').fill(email);
		await this.page.locator('input[name=password]').fill(password);
		await this.page.getByTestId('form-submit-button').click();
		await this.page.waitForURL((url) => url.pathname !== '/signin');
	}

	/** n8n keeps the theme in the browser; it holds from the next page on that is opened. */
	async useTheme(theme: Theme): Promise<void> {
		await this.page.evaluate((name) => localStorage.setItem('N8N_THEME', name), theme);
	}

	/** A picture of the window in `.cache/screenshots/<name>.png`, for people to look at. */
	async screenshot(name: string): Promise<void> {
		await this.page.screenshot({ path: join(SCREENSHOTS, `${name.replace(/[^\w-]+/g, '-')}.png`) });
	}

	/** Makes a workflow of a manual trigger, `before` and the node (called `Node`), and opens the node's panel. */
	async openNode(node: NodeUnderTest, before: NodeUnderTest[] = []): Promise<NodePanel> {
		const id = randomUUID();
		const settings = { ...node.settings, id };
		const workflow = { name: `Editor ${id}`, ...chain(START, { ...node, settings }, before) };
		const workflowId = await this.n8n.createWorkflow(workflow);
		return await this.openPanel(workflowId, id);
	}

	/** Opens the panel of a node of a workflow. What is missing in it is marked at once. */
	async openPanel(workflowId: string, nodeId: string): Promise<NodePanel> {
		await this.page.goto(`/workflow/${workflowId}/${nodeId}`);
		return await NodePanel.opened(this, workflowId);
	}

	/** Opens a new workflow with nothing but a manual trigger. */
	async openCanvas(): Promise<Canvas> {
		const workflowId = await this.n8n.createWorkflow({
			name: `Editor ${randomUUID()}`,
			nodes: [START],
			connections: {},
		});
		await this.page.goto(`/workflow/${workflowId}`);
		return new Canvas(this, workflowId);
	}

	/** Opens the dialog of a stored credential, which n8n tests meanwhile. */
	async openCredential({ id }: { id: string }): Promise<CredentialDialog> {
		await this.page.goto(`/home/credentials/${id}`);
		return await CredentialDialog.opened(this.page);
	}

	/** Opens the dialog of a new credential. @param type its name in the list: `Backup Storage` */
	async newCredential(type: string): Promise<CredentialDialog> {
		await this.page.goto('/home/credentials/create');
		await this.page.getByTestId('new-credential-type-select').locator('input').fill(type);
		await this.page.getByTestId('new-credential-type-select-option').getByText(type, { exact: true }).click();
		await this.page.getByTestId('new-credential-type-button').click();
		return await CredentialDialog.opened(this.page);
	}
}
