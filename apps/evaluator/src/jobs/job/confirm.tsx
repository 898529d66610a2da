// A question before something that cannot be taken back.

import { useEffect, useId, useRef } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';

/** What is asked, and what happens after a yes. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says that does it. */
  readonly yes: string;
  readonly onYes: () => void;
}

/** A modal dialog. Escape answers no. */
export function Confirm({ question, onClose }: { readonly question: Question; readonly onClose: () => void }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="confirm"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`}>{question.title}</h2>
      <p id={`${id}-text`}>{question.text}</p>
      <div class="buttons">
        <Button onClick={() => dialog.current!.close()}>No, leave it</Button>
        <Button
          class="danger"
          onClick={() => {
            dialog.current!.close();
            question.onYes();
          }}
        >
          {question.yes}
        </Button>
      </div>
    </dialog>
  );
}
