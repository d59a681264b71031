"""Named lists of hooks: how a feature causes something in a feature to its right, in its own transaction."""

from collections.abc import Callable
from typing import Any


class HookList:
    """Functions called in order, in the caller's transaction. Adding one twice adds it once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.functions: list[Callable[..., Any]] = []

    def add(self, function: Callable[..., Any]) -> None:
        if function not in self.functions:
            self.functions.append(function)

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        for function in self.functions:
            function(*arguments, **keywords)

    def any(self, *arguments: Any) -> bool:
        """Does one of the functions say yes?"""
        return any(function(*arguments) for function in self.functions)

    def names(self) -> list[str]:
        """What is registered, as "module.function", for the test that prints all hooks."""
        return [f"{function.__module__}.{function.__qualname__}" for function in self.functions]
