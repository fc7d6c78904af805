import type { Locator, Page } from 'playwright-core';

/** Fields as n8n shows them in a node's panel or in a credential's dialog. A field is named as in the code: `operation`. */
export class Form {
	constructor(
		protected readonly page: Page,
		/** What holds the fields. */
		protected readonly root: Locator,
	) {}

	/** The names over the fields that are shown, in order. */
	async labels(): Promise<string[]> {
		const labels = this.root.locator('label.n8n-input-label [class*=_title_]');
		const texts = await labels.filter({ visible: true }).allInnerTexts();
		return texts.map((text) => text.replace(/\s*\*$/, '').trim()).filter((text) => text !== '');
	}

	/** The texts of the notices that are shown. */
	async notices(): Promise<string[]> {
		return await this.root.locator('.notice-content').filter({ visible: true }).allInnerTexts();
	}

	/** The names of the fields that are marked red. */
	async marked(): Promise<string[]> {
		const marked = this.root.locator('.has-issues').filter({ visible: true });
		return await marked.evaluateAll((elements) =>
			elements.map((element) =>
				(element.getAttribute('data-test-id') ?? element.textContent).replace('parameter-input-', ''),
			),
		);
	}

	/** The input of a field; where several are of one name, as in the items of a list, the last. */
	field(name: string): Locator {
		return this.root.getByTestId(`parameter-input-${name}`).last();
	}

	/** What a field shows: its text, or the name of the chosen entry. */
	async value(name: string): Promise<string> {
		return await this.field(name).locator('input, textarea').last().inputValue();
	}

	async isOn(name: string): Promise<boolean> {
		return await this.field(name).locator('input[type=checkbox]').isChecked();
	}

	async fill(name: string, text: string): Promise<void> {
		await this.field(name).locator('input, textarea').last().fill(text);
	}

	/** Switches a field on or off. */
	async toggle(name: string): Promise<void> {
		await this.field(name).locator('.el-switch__core').click();
	}

	/** Chooses the entry of a drop-down. */
	async choose(name: string, entry: string): Promise<void> {
		await this.field(name).locator('input').last().click();
		await this.#entry(entry).click();
	}

	/** The entries of a drop-down, without their descriptions, once it has any. */
	async entries(name: string): Promise<string[]> {
		await this.field(name).locator('input').last().click();
		const open = this.page.locator('.el-select-dropdown__item:visible');
		await open.first().waitFor();
		const texts = await open.evaluateAll((items) =>
			items.map((item) => (item.querySelector('.option-headline') ?? item).textContent.trim()),
		);
		await this.field(name).locator('input').last().press('Escape');
		return texts;
	}

	/** Adds one of the fields that a collection offers. @param collection its name over the field: `Options` */
	async addTo(collection: string, option: string): Promise<void> {
		await this.collection(collection).getByTestId('collection-parameter-add').click();
		await this.#entry(option).click();
	}

	/** Adds an item to a list, which has a button for that. @param list its name over the field */
	async addItem(list: string): Promise<void> {
		await this.collection(list).getByTestId('fixed-collection-add').last().click();
	}

	/** The part of the form under a name. */
	protected collection(label: string): Locator {
		const named = this.page.locator('label.n8n-input-label').getByText(label, { exact: true });
		return this.root.getByTestId('parameter-item').filter({ has: named });
	}

	#entry(text: string): Locator {
		const items = this.page.locator('.el-select-dropdown__item:visible');
		const headline = this.page.locator('.option-headline, span').getByText(text, { exact: true });
		return items.filter({ has: headline }).first();
	}
}
