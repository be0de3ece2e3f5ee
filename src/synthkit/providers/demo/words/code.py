"""Programming tasks of the demo model, each with its solution."""

from synthkit.providers.demo.words.lists import phrases

FUNCTIONS: tuple[tuple[str, str, str], ...] = (
    ("returns the longest word of a sentence", "longest_word(text)", "return max(text.split(), key=len)"),
    ("counts the vowels in a string", "count_vowels(text)", 'return sum(c in "aeiou" for c in text.lower())'),
    ("reverses the order of the words in a string", "reverse_words(text)", 'return " ".join(text.split()[::-1])'),
    ("checks whether a word is a palindrome", "is_palindrome(word)", "return word == word[::-1]"),
    ("sums the digits of a whole number", "digit_sum(number)", "return sum(map(int, str(abs(number))))"),
    ("removes duplicates from a list and keeps its order", "unique(items)", "return list(dict.fromkeys(items))"),
    ("finds the second largest number of a list", "second_largest(numbers)", "return sorted(set(numbers))[-2]"),
    ("flattens a list of lists", "flatten(lists)", "return [item for inner in lists for item in inner]"),
    ("turns minutes into hours and minutes", "hours(minutes)", "return divmod(minutes, 60)"),
    ("computes the average of a list of numbers", "average(numbers)", "return sum(numbers) / len(numbers)"),
    (
        "counts how often each word occurs",
        "word_counts(text)",
        "return {w: text.split().count(w) for w in text.split()}",
    ),
    (
        "tells whether a year is a leap year",
        "is_leap(year)",
        "return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)",
    ),
    ("merges two dictionaries, the second one winning", "merged(first, second)", "return {**first, **second}"),
    (
        "splits a list into chunks of a given size",
        "chunks(items, size)",
        "return [items[i : i + size] for i in range(0, len(items), size)]",
    ),
    (
        "swaps the keys and values of a dictionary",
        "inverted(mapping)",
        "return {value: key for key, value in mapping.items()}",
    ),
    (
        "returns the common elements of two lists",
        "common(first, second)",
        "return [item for item in first if item in second]",
    ),
    ("converts Celsius to Fahrenheit", "fahrenheit(celsius)", "return celsius * 9 / 5 + 32"),
    (
        "capitalises every word of a title",
        "titled(text)",
        'return " ".join(word.capitalize() for word in text.split())',
    ),
    ("finds all even numbers of a list", "evens(numbers)", "return [number for number in numbers if number % 2 == 0]"),
    ("computes the factorial of a number", "factorial(n)", "return 1 if n < 2 else n * factorial(n - 1)"),
    (
        "counts the lines of a text that are not empty",
        "full_lines(text)",
        "return sum(bool(line.strip()) for line in text.splitlines())",
    ),
    ("rotates a list to the left by n places", "rotated(items, n)", "return items[n:] + items[:n]"),
    ("checks whether two words are anagrams", "are_anagrams(a, b)", "return sorted(a) == sorted(b)"),
    (
        "returns the initials of a full name",
        "initials(name)",
        'return "".join(part[0].upper() for part in name.split())',
    ),
)

PLACES = phrases(
    """
that sorts the orders of a bakery
for a small weather station
for the loan desk of a library
that a class of beginners will read
for the score board of a chess club
that cleans up addresses before printing labels
for a script that runs every night
inside a quiz about animals
for the timetable of a ferry
that checks the entries of a guest book
for a plant-watering robot
in a tool that renames photographs
for a museum's list of visitors
behind the price list of a market stall
in a game about trains
for the archive of a choir
"""
)

CARE = phrases(
    """
Add a docstring.
Do not import any module.
Use clear names.
Include a usage example.
Mention one case that it does not handle.
Add type hints.
Keep it short enough to read at a glance.
Explain the main line in a comment.
It should not change its arguments.
Return the result rather than printing it.
"""
)

TABLES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("orders", ("customer", "total", "ordered_on", "city"), "total"),
    ("books", ("title", "author", "pages", "published_in"), "pages"),
    ("loans", ("reader", "book", "days_late", "branch"), "days_late"),
    ("plants", ("name", "height_cm", "planted_on", "bed"), "height_cm"),
    ("trips", ("driver", "distance_km", "started_at", "route"), "distance_km"),
    ("members", ("name", "age", "joined_on", "section"), "age"),
    ("recipes", ("title", "minutes", "course", "servings"), "minutes"),
    ("sensors", ("place", "temperature", "measured_at", "battery"), "temperature"),
)

PATTERNS: tuple[tuple[str, str], ...] = (
    ("a date such as 2024-05-17", r"\d{4}-\d{2}-\d{2}"),
    ("a time on the 24-hour clock", r"([01]\d|2[0-3]):[0-5]\d"),
    ("a five-digit postal code", r"\d{5}"),
    ("a word that starts with a capital letter", r"\b[A-Z][a-z]*\b"),
    ("an email address in its simplest form", r"[\w.+-]+@[\w-]+\.[\w.]+"),
    ("a hexadecimal colour such as #1a2b3c", r"#[0-9a-fA-F]{6}"),
    ("a line that contains only white space", r"^\s*$"),
    ("a number with exactly two decimals", r"\d+\.\d{2}"),
)
