"""The one kind of error that is written for the reader."""


class ReaderError(ValueError):
    """Something that the reader can mend; the message is one plain sentence: what, which file, what to do."""

    def _render_traceback_(self):
        return [str(self)]  # Jupyter asks for this, and shows the sentence without the way to it
