// Editing the captions of a dataset: the field of one picture, a change of many, and what the page shows afterwards.

import { CaptionBulk } from "./caption_bulk.js";
import { CaptionField } from "./caption_field.js";

/**
 * `page`: ask(path, send), say(text), query() with the filters, update(picture), refresh() for all that is listed,
 * reload() where the server has to read the dataset anew, step(by) and leave() for the cursor of the list.
 */
export class Captions {
  constructor(page) {
    this.page = page;
    const { ask, leave, query, say, step } = page;
    this.field = new CaptionField({ ask, leave, say, step, saved: (answer) => this.saved(answer) });
    this.bulk = new CaptionBulk({ ask, query, written: (answer) => this.written(answer) });
    this.canEdit = false;
  }

  /** Begin with a dataset that was opened: `can_edit` and the `kind` of its captions. */
  open({ can_edit: canEdit, kind }) {
    this.canEdit = canEdit;
    this.field.kind = kind;
    this.field.forget();
    this.bulk.button.hidden = !canEdit;
    if (!canEdit) return;
    this.bulk.readChanges().catch((error) => this.page.say(error.message));
  }

  /** Whether an element is one of the fields for captions. */
  isIn(element) {
    return this.field.element.contains(element) || this.bulk.panel.contains(element);
  }

  /** One caption was written. */
  async saved({ picture, changes, stale, shared }) {
    this.bulk.list(changes);
    this.bulk.forget();
    if (stale) await this.page.reload();
    else if (shared.length) await this.page.refresh();
    else this.page.update(picture);
  }

  /** Many were. */
  async written({ stale }) {
    this.field.forget();
    await (stale ? this.page.reload() : this.page.refresh());
  }
}
