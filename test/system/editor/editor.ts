import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { chromium, type Locator, type Page, selectors } from 'playwright-core';
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

const START = { name: 'Start', type: 'n8n-nodes-base.manualTrigger', typeVersion: 1, parameters: {} };

/** Nothing moves: the browser would draw, by the processor, every frame of each drawer that slides in and each list that unfolds. */
const HOLD_STILL = `
	const sheet = new CSSStyleSheet();
	const times = ['animation-duration', 'animation-delay', 'transition-duration', 'transition-delay'];
	sheet.replaceSync('*, *::before, *::after { ' + times.map((name) => name + ': 0s !important;').join(' ') + ' }');
	document.adoptedStyleSheets.push(sheet);
`;

/** What a click on a link to another workflow does; messages of the one before are closed. */
const LEAD_TO = `(path) => {
	for (const close of document.querySelectorAll('.el-notification__closeBtn')) close.click();
	history.pushState({}, '', path);
	dispatchEvent(new PopStateEvent('popstate', { state: {} }));
}`;

/** n8n's editor in a real browser, driven as its owner does: what is clicked and read is what a user sees. */
export class Editor {
	private constructor(
		readonly n8n: N8nUnderTest,
		readonly page: Page,
	) {}

	/**
	 * Starts a browser that is logged in to the n8n that all tests share. One serves all tests of a file, which opens it before them;
	 * it ends with them. What the window shows where one fails is in `.cache/screenshots/failed-<its name>.png`.
	 */
	static async open(): Promise<Editor> {
		const n8n = await sharedN8n();
		// n8n marks with it what its own tests look for.
		selectors.setTestIdAttribute('data-test-id');
		const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
		const context = await browser.newContext({ viewport: WINDOW, baseURL: n8n.url, reducedMotion: 'reduce' });
		await context.addCookies(cookiesOf(n8n));
		await context.addInitScript({ content: HOLD_STILL });
		const page = await context.newPage();
		page.setDefaultTimeout(PATIENCE_MS);
		page.setDefaultNavigationTimeout(PATIENCE_MS);
		const editor = new Editor(n8n, page);
		afterEach(async ({ task }) => {
			if (task.result?.state === 'fail') await editor.screenshot(`failed-${task.name}`);
		});
		afterAll(() => browser.close());
		return editor;
	}

	/** Pictures of the window in the light and in the dark theme: `<name>-light` and `<name>-dark`. n8n follows the browser's theme at once. */
	async pictures(name: string): Promise<void> {
		for (const theme of ['dark', 'light'] as const) {
			await this.page.emulateMedia({ colorScheme: theme });
			await this.screenshot(`${name}-${theme}`);
		}
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
		if (await this.#lead(workflowId)) await this.#nodeOf(nodeId).dblclick({ force: true });
		else await this.page.goto(`/workflow/${workflowId}/${nodeId}`);
		return await NodePanel.opened(this, workflowId);
	}

	/** Opens a new workflow with nothing but a manual trigger. */
	async openCanvas(): Promise<Canvas> {
		const id = randomUUID();
		const workflow = { name: `Editor ${id}`, nodes: [{ ...START, id }], connections: {} };
		const workflowId = await this.n8n.createWorkflow(workflow);
		if (!(await this.#lead(workflowId))) await this.page.goto(`/workflow/${workflowId}`);
		await this.#nodeOf(id).waitFor();
		return new Canvas(this, workflowId);
	}

	/**
	 * From one workflow to another the editor's own router leads, as it does for people. To load its hundreds of files anew takes most of
	 * the time of a test. Answers whether a workflow was open.
	 */
	async #lead(workflowId: string): Promise<boolean> {
		if (!this.page.url().startsWith(`${this.n8n.url}/workflow/`)) return false;
		await this.page.evaluate(`(${LEAD_TO})(${JSON.stringify(`/workflow/${workflowId}`)})`);
		return true;
	}

	/** A node on the canvas. */
	#nodeOf(id: string): Locator {
		return this.page.locator(`.vue-flow__node[data-id="${id}"]`);
	}

	/** Opens a workflow that is not stored yet, with nothing in it. */
	async openNew(): Promise<Canvas> {
		await this.page.goto('/workflow/new');
		await this.page.getByTestId('canvas-wrapper').waitFor();
		return new Canvas(this, 'new');
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

/** What keeps the owner logged in, as a browser stores it. */
function cookiesOf({ connection }: N8nUnderTest): Array<{ name: string; value: string; url: string }> {
	return connection.cookie.split('; ').map((cookie) => {
		const [name, ...value] = cookie.split('=');
		return { name: name!, value: value.join('='), url: connection.url };
	});
}
